package setup

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"go.yaml.in/yaml/v4"

	"nameplate/internal/fail"
)

// Setting is a key of the configuration and its value as text.
type Setting struct{ Key, Value string }

const heading = "# Made by nameplate setup. Every setting: nameplate config settings\n"

// WriteSettings adds settings to a configuration file, or makes it, for its owner only. What stands in the file stays as it is; a key
// that is there is left alone. It gives the keys that were added.
func WriteSettings(path string, list []Setting) ([]string, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		data, err = []byte(heading), nil
	}
	var have map[string]yaml.Node
	if err == nil {
		err = yaml.Unmarshal(data, &have)
	}
	if err != nil {
		return nil, &fail.Error{Op: "setup.settings", Item: path, Kind: fail.Invalid, Err: err, Say: fail.T("The configuration file %s cannot be read as YAML. Mend it: nameplate config check", path)}
	}
	if _, several := have["tenants"]; several {
		return nil, fail.New(fail.Unsupported, "setup.settings", fail.T("%s lists several organizations under tenants. Run setup for one of them with a file of its own (--config), and copy what it writes into the list.", path))
	}
	var added []string
	b := bytes.NewBuffer(data)
	if n := len(data); n > 0 && data[n-1] != '\n' {
		b.WriteByte('\n')
	}
	for _, s := range list {
		if _, ok := have[s.Key]; ok || s.Value == "" {
			continue
		}
		line, err := yaml.Marshal(map[string]string{s.Key: s.Value})
		if err != nil {
			return nil, fmt.Errorf("setup: %w", err)
		}
		b.Write(line)
		added = append(added, s.Key)
	}
	if len(added) == 0 {
		return nil, nil
	}
	return added, put(path, b.Bytes())
}
