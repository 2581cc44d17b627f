// Package mpi joins the processes that mpirun, srun or a Kubernetes MPIJob started
// into one run, by the MPI library of the site (Open MPI, MPICH). It is compiled in
// with the build tag mpi and the library's compiler:
//
//	CC=mpicc go build -tags mpi ./cmd/train
//
// One goroutine, locked to its thread, makes all calls of MPI (MPI_THREAD_SERIALIZED).
// While it waits it exchanges signs of life with its neighbours, so that a process
// that has died or hangs ends the others. Start reading at world.go.
package mpi
