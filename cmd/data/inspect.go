package main

import (
	"context"
)

func inspect(ctx context.Context, args []string) error { return nil }
