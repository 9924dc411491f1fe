// Command nameplate keeps Microsoft 365 profiles right.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"nameplate/internal/cli"
)

// version is set by the release build.
var version = "development"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Main(ctx, cli.World{
		Args: os.Args[1:], Environ: os.Environ(), Version: version,
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
	})
	stop()
	os.Exit(code)
}
