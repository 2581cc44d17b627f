// Package losses compares predictions with targets: costs for the matcher, mask,
// dice and class losses, and [Criterion], which matches and sums them over all
// predictions. All are pure functions on graph nodes that take their points as
// arguments, so another implementation's points can be fed in. A wrong shape or
// dtype panics with the shapes in the text, as in the engine.
//
// Axes: B batch; H,W targets' size; h,w mask grid; D width; Q queries; C classes, no-object
// last; M padded targets; P points; N independent maps.
//
// Start reading at criterion.go, the whole criterion; then masks.go, cost.go and loss.go.
package losses
