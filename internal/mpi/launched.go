package mpi

import (
	"os"
	"strconv"
)

// sizes are the variables in which launchers tell the number of processes: Open MPI's
// mpirun, MPICH's and Slurm's PMI, and PMIx (srun --mpi=pmix), which tells the rank only.
var sizes = []string{"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS"}

// launched says whether a launcher of MPI started this process with others.
func launched() bool {
	for _, name := range sizes {
		if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
			return n > 1
		}
	}
	return os.Getenv("PMIX_RANK") != ""
}
