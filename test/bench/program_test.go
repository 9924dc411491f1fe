package bench

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

var interrupt = os.Interrupt

// BenchmarkProgram measures the program itself: its size, how fast it says --help, how fast the demo is ready, and its memory.
func BenchmarkProgram(b *testing.B) {
	for b.Loop() {
		path := binary(b)
		info, err := os.Stat(path)
		if err != nil {
			b.Fatal(err)
		}
		figure(b, "P11", "one stripped binary", float64(info.Size())/1e6, "MB", map[string]any{"goal": "≤ 40"})
		var helps []float64
		for range 21 {
			begun := time.Now()
			if err := exec.Command(path, "--help").Run(); err != nil {
				b.Fatal(err)
			}
			helps = append(helps, float64(time.Since(begun).Microseconds())/1000)
		}
		m, more := spread(helps)
		more["goal"] = "≤ 20"
		figure(b, "P11", "--help", m, "ms", more)
		var starts []float64
		var memory float64
		for range 5 {
			p := start(b, "demo", "--port", "0")
			starts = append(starts, float64(p.took.Milliseconds()))
			memory = p.memory(b)
			stop(b, p)
		}
		m, more = spread(starts)
		figure(b, "P11", "demo ready: emulator, keys, database and portal", m, "ms", more)
		figure(b, "P11", "demo idle: portal and emulator together, resident memory", memory, "MiB", nil)
	}
}
