// Command contents says what a release is made of: contents VERSION PROGRAM... writes beside each program a list of contents in the form of
// CycloneDX (its name and .cdx.json), and into the same folder LICENSES.txt with the text of every license.
//
// It promises that a list has what the toolchain wrote into that program and nothing else, with the licenses that stand in the module
// cache; that the same programs give the same lists; and that a module whose license it does not know stops the release.
package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "contents VERSION PROGRAM...")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// module is a part of a program.
type module struct {
	path, version, sum string
	license            string // as SPDX writes it: MIT AND Apache-2.0
	texts              []text
}

// text is a license or notice, word by word.
type text struct{ name, body string }

func run(version string, programs []string) error {
	folders, err := cache()
	if err != nil {
		return err
	}
	all := map[string]module{}
	for _, program := range programs {
		info, err := buildinfo.ReadFile(program)
		if err != nil {
			return err
		}
		parts := []module{{path: "std", version: strings.TrimPrefix(info.GoVersion, "go")}}
		for _, d := range info.Deps {
			if d.Replace != nil {
				return fmt.Errorf("%s: %s is replaced by %s, which no list could name", program, d.Path, d.Replace.Path)
			}
			parts = append(parts, module{path: d.Path, version: d.Version, sum: d.Sum})
		}
		for i, p := range parts {
			if known, ok := all[p.path]; ok {
				parts[i] = known
				continue
			}
			if p.license, p.texts, err = licenses(folders[p.path+"@"+p.version], p.path); err != nil {
				return err
			}
			parts[i], all[p.path] = p, p
		}
		settings := map[string]string{}
		for _, s := range info.Settings {
			settings[s.Key] = s.Value
		}
		if err := write(version, program, settings, parts); err != nil {
			return err
		}
	}
	return notices(filepath.Join(filepath.Dir(programs[0]), "LICENSES.txt"), all)
}

// cache says where each module lies, by path@version, and the standard library.
func cache() (map[string]string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Path}}@{{.Version}}\t{{.Dir}}", "all").Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	folders := map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, dir, _ := strings.Cut(strings.TrimSpace(line), "\t")
		folders[name] = dir
	}
	out, err = exec.Command("go", "env", "GOROOT", "GOVERSION").Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	root, version, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	folders["std@"+strings.TrimPrefix(version, "go")] = root
	return folders, nil
}

// signs are words by which a license is known, without line ends.
var signs = []struct{ id, words, unless string }{
	{"MIT", "Permission is hereby granted, free of charge, to any person obtaining a copy", ""},
	{"MIT", "https://opensource.org/license/mit", ""},
	{"Apache-2.0", "Apache License Version 2.0", ""},
	{"Apache-2.0", `Licensed under the Apache License, Version 2.0`, "Apache License Version 2.0"},
	{"BSD-3-Clause", "may be used to endorse or promote products derived from", ""},
	{"BSD-2-Clause", "Redistributions in binary form must reproduce", "may be used to endorse or promote products derived from"},
	{"ISC", "Permission to use, copy, modify, and/or distribute this software for any purpose", ""},
	{"MPL-2.0", "Mozilla Public License Version 2.0", ""},
}

// licenses reads those of a module's folder.
func licenses(folder, path string) (id string, texts []text, err error) {
	if folder == "" {
		return "", nil, fmt.Errorf("%s does not lie in the module cache", path)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return "", nil, err
	}
	var ids []string
	for _, e := range entries {
		name := strings.ToUpper(e.Name())
		license := strings.HasPrefix(name, "LICENSE") || strings.HasPrefix(name, "LICENCE") || strings.HasPrefix(name, "COPYING")
		if e.IsDir() || !license && !strings.HasPrefix(name, "NOTICE") || strings.HasSuffix(name, ".GO") {
			continue
		}
		body, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			return "", nil, err
		}
		texts = append(texts, text{e.Name(), string(body)})
		flat := strings.Join(strings.Fields(string(body)), " ")
		for _, s := range signs {
			if strings.Contains(flat, s.words) && (s.unless == "" || !strings.Contains(flat, s.unless)) && !slices.Contains(ids, s.id) {
				ids = append(ids, s.id)
			}
		}
	}
	if len(ids) == 0 {
		return "", nil, fmt.Errorf("%s: no license that is known here. Read it, and add its words to scripts/contents", path)
	}
	return strings.Join(ids, " AND "), texts, nil
}

// property, license and component are as https://cyclonedx.org/docs/1.6/json/ has them.
type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type license struct {
	Expression string `json:"expression"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version"`
	Package    string     `json:"purl,omitempty"`
	Hashes     []hash     `json:"hashes,omitempty"`
	Licenses   []license  `json:"licenses,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

// purl names a module: https://github.com/package-url/purl-spec
func purl(m module) string {
	return "pkg:golang/" + strings.ToLower(m.path) + "@" + url.QueryEscape(m.version)
}

func write(version, program string, settings map[string]string, parts []module) error {
	f, err := os.Open(program)
	if err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	list := struct {
		Schema   string `json:"$schema"`
		Format   string `json:"bomFormat"`
		Spec     string `json:"specVersion"`
		Version  int    `json:"version"`
		Metadata struct {
			Component component `json:"component"`
		} `json:"metadata"`
		Components []component `json:"components"`
	}{Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX", Spec: "1.6", Version: 1}
	list.Metadata.Component = component{
		Type: "application", Ref: "nameplate", Name: "nameplate", Version: version, Hashes: []hash{{"SHA-256", hex.EncodeToString(sum.Sum(nil))}},
		Properties: []property{{"GOOS", settings["GOOS"]}, {"GOARCH", settings["GOARCH"]}, {"CGO_ENABLED", settings["CGO_ENABLED"]}},
	}
	for _, p := range parts {
		c := component{Type: "library", Ref: purl(p), Name: p.path, Version: p.version, Package: purl(p), Licenses: []license{{p.license}}}
		if p.sum != "" {
			c.Properties = []property{{"go.sum", p.sum}}
		}
		list.Components = append(list.Components, c)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", " ")
	if err := e.Encode(list); err != nil {
		return err
	}
	return save(strings.TrimSuffix(program, ".exe")+".cdx.json", b.Bytes())
}

// notices are the licenses of all, as most of them ask for with each copy of a program.
func notices(path string, all map[string]module) error {
	var names []string
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	var b bytes.Buffer
	b.WriteString("The programs of this release hold the modules below (each program's own list says which), under these licenses.\n")
	for _, name := range names {
		m := all[name]
		fmt.Fprintf(&b, "\n%s\n%s %s: %s\n", strings.Repeat("=", 100), m.path, m.version, m.license)
		for _, t := range m.texts {
			fmt.Fprintf(&b, "\n--- %s\n\n%s\n", t.name, strings.TrimSpace(t.body))
		}
	}
	return save(path, b.Bytes())
}

// save writes a file that everybody may read.
func save(path string, data []byte) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
