package losses

// For tests of the parts that have a contract of their own.
var (
	MapsOfTargets = Masks.ofTargets
	RunningCounts = runningCounts
)
