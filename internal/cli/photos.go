package cli

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// withPhotos puts a spreadsheet and the pictures of a folder, or a zip file, into one body.
func withPhotos(sheet []byte, path string) (body []byte, kind string, err error) {
	wrong := func(format string, a ...any) ([]byte, string, error) {
		return nil, "", usageError{fmt.Errorf(format, a...)}
	}
	info, err := os.Stat(path)
	if err != nil {
		return wrong("--photos: %s cannot be read. Name a folder with pictures, or a zip file", plain(path))
	}
	files := []string{path}
	if info.IsDir() {
		list, err := os.ReadDir(path)
		if err != nil {
			return wrong("--photos: %s cannot be read. Name a folder with pictures, or a zip file", plain(path))
		}
		files = nil
		for _, x := range list {
			if x.Type().IsRegular() && slices.Contains([]string{".jpg", ".jpeg", ".png", ".gif"}, strings.ToLower(filepath.Ext(x.Name()))) {
				files = append(files, filepath.Join(path, x.Name()))
			}
		}
	} else if !info.Mode().IsRegular() {
		return wrong("--photos: %s is neither a folder nor a file", plain(path))
	}
	if len(files) == 0 {
		return wrong("--photos: there is no picture in %s: no .jpg, .jpeg, .png or .gif", plain(path))
	}
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	put := func(name, file string, data []byte) error {
		w, err := m.CreateFormFile(name, file)
		if err == nil {
			_, err = w.Write(data)
		}
		return err
	}
	if err := put("file", "sheet", sheet); err != nil {
		return nil, "", err
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			return wrong("--photos: %s cannot be read", plain(f))
		}
		if err := put("photos", filepath.Base(f), data); err != nil {
			return nil, "", err
		}
		if b.Len() > maxFile-1<<20 {
			return wrong("the spreadsheet and its pictures are larger than %d MB. Split them, or make the pictures smaller: Microsoft 365 keeps 648 pixels a side", maxFile>>20)
		}
	}
	err = m.Close()
	return b.Bytes(), m.FormDataContentType(), err
}
