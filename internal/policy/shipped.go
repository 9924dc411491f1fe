package policy

import _ "embed"

//go:embed demo.yaml
var demo []byte

//go:embed default.yaml
var standard []byte

//go:embed schema.json
var schema []byte

// Demo is the shipped policy that opens what a person can know of themselves; for trying things.
func Demo() []byte { return append([]byte(nil), demo...) }

// Default is the shipped policy for a real tenant. It keeps closed what feeds dynamic groups, licenses or names.
func Default() []byte { return append([]byte(nil), standard...) }

// Schema is the JSON Schema (draft 2020-12) of policy files, for editors.
func Schema() []byte { return append([]byte(nil), schema...) }
