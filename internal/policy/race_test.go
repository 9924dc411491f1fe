//go:build race

package policy_test

// slower is how much longer everything may take: the race detector costs about that.
const slower = 12
