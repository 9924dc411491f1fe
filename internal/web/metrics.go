package web

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// metrics counts what an operator's monitor asks for. Nothing in it names a person, an address or a page.
type metrics struct {
	byClass [6]atomic.Int64 // by the first digit of the status
	micros  atomic.Int64
}

func (m *metrics) note(status int, took time.Duration) {
	if c := status / 100; c >= 1 && c <= 5 {
		m.byClass[c].Add(1)
	}
	m.micros.Add(took.Microseconds())
}

// write gives the counts in the text format of Prometheus.
// https://prometheus.io/docs/instrumenting/exposition_formats/
func (m *metrics) write(w io.Writer) error {
	if _, err := io.WriteString(w, "# HELP nameplate_requests_total Requests answered by the portal, by class of status.\n# TYPE nameplate_requests_total counter\n"); err != nil {
		return err
	}
	var total int64
	for c := 1; c <= 5; c++ {
		n := m.byClass[c].Load()
		total += n
		if _, err := fmt.Fprintf(w, "nameplate_requests_total{status=\"%dxx\"} %d\n", c, n); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "# HELP nameplate_request_seconds Time of the portal's answers.\n# TYPE nameplate_request_seconds summary\nnameplate_request_seconds_sum %g\nnameplate_request_seconds_count %d\n",
		float64(m.micros.Load())/1e6, total)
	return err
}
