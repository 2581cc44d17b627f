package main

import "context"

func semantic(ctx context.Context, args []string) error { return nil }
