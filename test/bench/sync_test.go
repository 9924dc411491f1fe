package bench

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
)

// users is how many people the directory has that is copied.
var users = flag.Int("users", 100_000, "people of the directory of BenchmarkSync; the goals are said of 100,000")

// BenchmarkSync runs `nameplate bench sync`.
func BenchmarkSync(b *testing.B) {
	for b.Loop() {
		cmd := exec.CommandContext(b.Context(), binary(b), "bench", "sync", "--users", strconv.Itoa(*users), "--json")
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			b.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		for lines := bufio.NewScanner(out); lines.Scan(); {
			fmt.Printf("FIGURE %s\n", lines.Text())
		}
		if err := cmd.Wait(); err != nil {
			b.Fatal(err)
		}
	}
}
