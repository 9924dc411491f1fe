package emulator

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// BenchmarkFaulty is what noting a request costs where nothing is wrong with it.
func BenchmarkFaulty(b *testing.B) {
	e := &Emulator{clock: newClock(time.Now, time.Time{}), random: newRandom(1), ledger: newLedger(0), faults: newFaultRules(), stats: newStatistics()}
	h := e.faulty(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	r := httptest.NewRequest("PATCH", "/v1.0/users/"+anna, nil)
	r.Header.Set("Authorization", "Bearer e30.eyJhcHBpZCI6ImEiLCJ0aWQiOiJ0In0.x")
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
}
