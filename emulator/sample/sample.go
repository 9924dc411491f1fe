// Package sample owns the organizations to try things on: a believable one, a hostile one, and as many people as one likes.
//
// It promises that the same name and seed always give the same organization and that nobody in it is real. It does not start
// anything.
package sample

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v4"

	"nameplate/emulator"
)

//go:embed contoso.yaml
var contoso []byte

// Contoso is about thirty people of an invented company: managers, guests, synced people, administrators, disabled accounts,
// names in many scripts, missing and stale data; and the registration of the demo portal.
func Contoso() (emulator.Organization, error) { return Read(bytes.NewReader(contoso)) }

// Read reads an organization file: one YAML document (JSON is YAML). A key that an organization does not have is an error that
// names its line.
func Read(r io.Reader) (emulator.Organization, error) {
	var out emulator.Organization
	text, err := io.ReadAll(r)
	if err != nil {
		return out, fmt.Errorf("read the organization: %w", err)
	}
	loader, err := yaml.NewLoader(bytes.NewReader(text), yaml.WithKnownFields(), yaml.WithUniqueKeys())
	if err != nil {
		return out, fmt.Errorf("organization: %w", err)
	}
	if err := loader.Load(&out); err != nil {
		return out, fmt.Errorf("organization: %w", err)
	}
	var more any
	if err := loader.Load(&more); !errors.Is(err, io.EOF) {
		return out, errors.New("organization: the file holds more than one document")
	}
	return out, nil
}
