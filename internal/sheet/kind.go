package sheet

import (
	"archive/zip"
	"bytes"
	"io"
	"strings"

	"nameplate/internal/fail"
)

// recognize says by its content what a file is: a workbook or text. What is neither is named.
func recognize(src io.ReaderAt, size int64) (workbook bool, err error) {
	head := make([]byte, min(size, 4096))
	if n, err := src.ReadAt(head, 0); err != nil && (err != io.EOF || n < len(head)) {
		return false, refuse("unreadable", fail.T("The file cannot be read. Check it and try again."))
	}
	text := strings.ToLower(strings.TrimLeft(strings.TrimPrefix(string(head), "\ufeff"), " \t\r\n"))
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return true, nil
	case bytes.HasPrefix(head, []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")): // https://learn.microsoft.com/openspecs/windows_protocols/ms-cfb
		return false, compound(src, size)
	case bytes.HasPrefix(head, []byte("%PDF-")):
		return false, other("PDF")
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return false, other("gzip")
	case bytes.HasPrefix(head, []byte("Rar!")), bytes.HasPrefix(head, []byte("7z\xbc\xaf\x27\x1c")):
		return false, other("archive")
	case strings.HasPrefix(text, "<!doctype html"), strings.HasPrefix(text, "<html"), strings.HasPrefix(text, "<table"), strings.HasPrefix(text, "<head"):
		return false, other("HTML")
	case strings.HasPrefix(text, "<?xml"):
		return false, other("XML")
	case strings.HasPrefix(text, "{\\rtf"):
		return false, other("RTF")
	case bytes.HasPrefix(head, []byte("\x89PNG")), bytes.HasPrefix(head, []byte("\xff\xd8\xff")):
		return false, other("picture")
	}
	return false, nil
}

func other(what string) error {
	return refuse("kind", fail.T("This is not a spreadsheet but: %s. Save the table as CSV UTF-8 or as .xlsx and take that.", what))
}

// compound tells the two things apart that a compound file can be here: the binary workbook of Excel 97, or a workbook with a password.
func compound(src io.ReaderAt, size int64) error {
	b := make([]byte, min(size, 1<<20))
	n, _ := src.ReadAt(b, 0) // what can be read has to do
	encrypted := []byte("E\x00n\x00c\x00r\x00y\x00p\x00t\x00e\x00d\x00P\x00a\x00c\x00k\x00a\x00g\x00e\x00")
	if bytes.Contains(b[:n], encrypted) {
		return refuse("encrypted", fail.T("This workbook is locked by a password. Take the password away in Excel (File, Info, Protect Workbook) and save it again."))
	}
	return refuse("xls", fail.T("This is a workbook of the old kind (.xls). Save it as .xlsx or as CSV UTF-8 and take that."))
}

// The bounds of what a workbook may unpack to.
const (
	maxEntries  = 2000
	maxUnpacked = 512 << 20
	bombSize    = 8 << 20 // from here on, the ratio counts
	bombRatio   = 100
)

var sayDamaged = fail.T("The file is damaged: it ends too early, or its contents do not fit its checksums. Save it again, or copy it again.")

func damaged() error { return refuse("damaged_file", sayDamaged) }

// unpackable refuses zips that are made to harm before anything is unpacked.
func unpackable(z *zip.Reader, size int64) error {
	bomb := func(why fail.Text) error {
		return refuse("bomb", fail.T("The workbook is refused: %s. Save it again with Excel or LibreOffice, or as CSV.", why))
	}
	if len(z.File) > maxEntries {
		return bomb(fail.T("it has %[1]d parts, and at most %[2]d are taken", len(z.File), maxEntries))
	}
	var all, packed uint64
	for _, f := range z.File {
		switch {
		case f.Flags&1 != 0:
			return refuse("encrypted", fail.T("This workbook is locked by a password. Take the password away in Excel (File, Info, Protect Workbook) and save it again."))
		case strings.Contains(f.Name, "..") || strings.HasPrefix(f.Name, "/") || strings.ContainsAny(f.Name, "\\\x00"):
			return bomb(fail.T("a part leads out of the file"))
		case f.UncompressedSize64 > bombSize && f.UncompressedSize64/bombRatio > f.CompressedSize64:
			return bomb(fail.T("a part unpacks to %d MB, which is more than anybody typed", int(f.UncompressedSize64>>20)))
		}
		all, packed = all+f.UncompressedSize64, packed+f.CompressedSize64
		if all > maxUnpacked {
			return bomb(fail.T("it unpacks to more than %d MB", maxUnpacked>>20))
		}
	}
	if packed > uint64(size) { // never negative
		return bomb(fail.T("its parts lie over one another"))
	}
	return nil
}

// workbookKind refuses zips that are something else than a plain workbook.
func workbookKind(z *zip.Reader) error {
	has := map[string]bool{}
	for _, f := range z.File {
		has[strings.ToLower(f.Name)] = true
	}
	switch {
	case has["xl/vbaproject.bin"]:
		return refuse("macros", fail.T("This workbook holds macros (.xlsm). Save it as .xlsx, which has none."))
	case has["xl/workbook.bin"]:
		return refuse("kind", fail.T("This is a binary workbook (.xlsb). Save it as .xlsx or as CSV UTF-8 and take that."))
	case has["word/document.xml"]:
		return other("Word")
	case has["ppt/presentation.xml"]:
		return other("PowerPoint")
	case has["content.xml"] && has["mimetype"]:
		return refuse("kind", fail.T("This is an OpenDocument file (.ods). Save it as .xlsx or as CSV UTF-8 and take that."))
	case !has["[content_types].xml"]:
		return other("zip")
	}
	return nil
}
