// Package matcher assigns queries to targets at the least total cost, in the
// graph ([Assign], many problems at once) and on the host ([AssignHost]). Its only
// inputs are a cost matrix and which targets are valid; package losses computes the
// costs.
//
// Contract of both, for one problem of M targets (rows) and Q queries (columns):
//   - As many pairs as possible, min(Q, valid targets), each target and each query
//     in at most one; among those, the least sum of costs.
//   - A cost that is NaN, infinite, or of magnitude [Unusable] or more is a last
//     resort: first the number of such pairs is minimised, then the sum of the
//     others. (The reference writes the largest float32 in place of NaN and
//     infinities when it builds the costs, as losses.CostMatrix does; such entries
//     are recognised by their size, so no sum ever overflows or loses its digits.)
//   - Arithmetic is float64 regardless of the costs' dtype, as in scipy.
//   - The same costs give the same pairs on every run and backend. Where several
//     assignments are optimal it is unspecified which one is returned.
//
// Axes: N problems, M targets, Q queries. Start reading at host.go, which is the
// algorithm for one problem; assign.go runs it for N problems in lockstep.
package matcher
