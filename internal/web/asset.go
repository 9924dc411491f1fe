package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
)

// AssetPrefix begins the address of every asset.
const AssetPrefix = "/asset/"

// Assets are the files that pages load. All live under one folder named by the hash of them all, so that they may be kept for
// ever and modules may import each other by relative names.
type Assets struct {
	hash  string
	files map[string]asset
}

type asset struct {
	kind   string
	plain  []byte
	packed []byte // gzip, nil when it is not shorter
	etag   string
}

var assetKinds = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml", ".png": "image/png",
	".jpg": "image/jpeg", ".ico": "image/x-icon", ".txt": "text/plain; charset=utf-8",
}

// NewAssets reads every file of fsys and more; more replaces a file of the same name. A file of a kind that we do not serve is
// an error.
func NewAssets(fsys fs.FS, more map[string][]byte) (*Assets, error) {
	a := &Assets{files: map[string]asset{}}
	all := map[string][]byte{}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(fsys, name)
		all[name] = b
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("web: assets: %w", err)
	}
	for name, b := range more {
		all[name] = b
	}
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	sum := sha256.New()
	zip, _ := gzip.NewWriterLevel(nil, gzip.BestCompression) // one for all: each would take 0.8 MB
	for _, name := range names {
		kind, ok := assetKinds[path.Ext(name)]
		if !ok {
			return nil, fmt.Errorf("web: asset %s: no content type is known for it", name)
		}
		b := all[name]
		one := sha256.Sum256(b)
		fmt.Fprintf(sum, "%s %x\n", name, one)
		f := asset{kind: kind, plain: b, etag: `"` + hex.EncodeToString(one[:8]) + `"`}
		var packed bytes.Buffer
		zip.Reset(&packed)
		zip.Write(b)
		zip.Close()
		if packed.Len() < len(b) {
			f.packed = packed.Bytes()
		}
		a.files[name] = f
	}
	a.hash = hex.EncodeToString(sum.Sum(nil))[:12]
	return a, nil
}

// URL is the address of an asset. It panics when there is none of that name: a template names a file that does not exist.
func (a *Assets) URL(name string) string {
	if _, ok := a.files[name]; !ok {
		panic("web: no asset " + name)
	}
	return AssetPrefix + a.hash + "/" + name
}

// Has says whether there is an asset of that name.
func (a *Assets) Has(name string) bool { _, ok := a.files[name]; return ok }

func (a *Assets) serve(w http.ResponseWriter, r *http.Request) bool {
	hash, name, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, AssetPrefix), "/")
	f, known := a.files[name]
	if !ok || hash != a.hash || !known {
		return false
	}
	h := w.Header()
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return true
	}
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("ETag", f.etag)
	h.Set("Vary", "Accept-Encoding")
	if slices.Contains(strings.Split(strings.ReplaceAll(r.Header.Get("If-None-Match"), " ", ""), ","), f.etag) {
		w.WriteHeader(http.StatusNotModified)
		return true
	}
	h.Set("Content-Type", f.kind)
	body := f.plain
	if f.packed != nil && acceptsGzip(r.Header.Get("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		body = f.packed
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	w.Write(body)
	return true
}

func acceptsGzip(accept string) bool {
	for _, part := range strings.Split(accept, ",") {
		coding, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.TrimSpace(coding) == "gzip" {
			q = strings.ReplaceAll(q, " ", "")
			return q != "q=0" && q != "q=0.0" && q != "q=0.00" && q != "q=0.000"
		}
	}
	return false
}
