package emulator_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"nameplate/emulator"
	"nameplate/emulator/sample"
)

// A client that hears 504 although the change was made: what will it do?
func ExampleEmulator_Inject() {
	org, err := sample.Contoso()
	if err != nil {
		panic(err)
	}
	e, err := emulator.New(emulator.Options{Organizations: []emulator.Organization{org}})
	if err != nil {
		panic(err)
	}
	e.Inject(emulator.Rule{
		Match: emulator.Match{Method: "PATCH", Path: "^/v1.0/users/", Times: 1},
		At:    emulator.After,
		Do:    emulator.Do{Status: http.StatusGatewayTimeout},
	})

	token, err := e.Mint(emulator.Token{Client: "30000000-0000-4000-8000-000000000003"})
	if err != nil {
		panic(err)
	}
	r, err := http.NewRequestWithContext(context.Background(), "PATCH",
		"https://graph.microsoft.com/v1.0/users/lena.hoffmann@larkfield.example", strings.NewReader(`{"jobTitle":"Director"}`))
	if err != nil {
		panic(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	res, err := e.Client().Do(r)
	if err != nil {
		panic(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()

	fmt.Println("the client heard", res.StatusCode)
	fmt.Println("the ledger has", len(e.Ledger(0)), "change")
	// Output:
	// the client heard 504
	// the ledger has 1 change
}
