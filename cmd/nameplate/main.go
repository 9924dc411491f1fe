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
	ctx, cancel := context.WithCancel(context.Background())
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-asked
		signal.Reset(os.Interrupt, syscall.SIGTERM) // whoever asks twice does not want to wait
		cancel()
	}()
	code := cli.Main(ctx, cli.World{
		Args: os.Args[1:], Environ: os.Environ(), Version: version,
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
	})
	cancel()
	os.Exit(code)
}
