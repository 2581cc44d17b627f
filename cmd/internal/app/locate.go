package app

import (
	"fmt"
	"os"
)

// Locate gives the path of configured weights.
func Locate(weights string) (string, error) {
	if _, err := os.Stat(weights); err != nil {
		return "", fmt.Errorf("weights %s: %w", weights, err)
	}
	return weights, nil
}
