// Package sample owns the organizations to try things on: a believable one, a hostile one, and as many people as one likes.
//
// It promises that the same name and seed always give the same organization and that nobody in it is real. It does not start
// anything.
package sample

import (
	"bytes"
	_ "embed"
	"encoding/json"
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
	all, err := ReadAll(r)
	if err == nil && len(all) != 1 {
		err = errors.New("organization: the file holds more than one document")
	}
	if err != nil {
		return emulator.Organization{}, err
	}
	return all[0], nil
}

// ReadAll reads a file of one or several organizations, each a YAML document: what Write writes, and files by hand.
func ReadAll(r io.Reader) ([]emulator.Organization, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read the organization: %w", err)
	}
	loader, err := yaml.NewLoader(bytes.NewReader(text), yaml.WithKnownFields(), yaml.WithUniqueKeys())
	if err != nil {
		return nil, fmt.Errorf("organization: %w", err)
	}
	var out []emulator.Organization
	for {
		var o emulator.Organization
		if err := loader.Load(&o); errors.Is(err, io.EOF) && len(out) > 0 {
			return out, nil
		} else if err != nil {
			return nil, fmt.Errorf("organization: %w", err)
		}
		out = append(out, o)
	}
}

// Write writes organizations as a file that ReadAll reads: YAML documents in the form of JSON.
func Write(w io.Writer, orgs []emulator.Organization) error {
	for _, o := range orgs {
		if _, err := io.WriteString(w, "---\n"); err != nil {
			return err
		}
		enc := json.NewEncoder(w)
		enc.SetIndent("", " ")
		if err := enc.Encode(o); err != nil {
			return fmt.Errorf("write the organization %s: %w", o.Name, err)
		}
	}
	return nil
}
