package journey

import (
	"bytes"
	"image/jpeg"
	"net/http"
	"strings"
	"testing"

	"nameplate/internal/app"
)

// Pictures come with a spreadsheet: they wait with it, are looked at in the plan, and arrive.
func TestS3_16_S3_17_S3_18_S3_19_PicturesFromASheet(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(ruth)
	var jpg bytes.Buffer
	if err := jpeg.Encode(&jpg, picture(120, 80), nil); err != nil {
		t.Fatal(err)
	}
	text := "userPrincipalName,photo,city\r\nlena.hoffmann@larkfield.example,lena.jpg,\r\njo.li@larkfield.example,jo.jpg,Cork\r\n"
	b.get("/admin/imports/new").says("Pictures (optional)", "A column photo holds the name of a picture")
	b.attach("/admin/imports/new", "staff.csv", "text/csv", []byte(text), beside{"photos", "broken.zip", []byte("PK\x03\x04nothing")})
	if b.says("is a damaged zip file"); b.code != http.StatusUnprocessableEntity {
		t.Errorf("a damaged zip: %d", b.code)
	}
	b.get("/admin/imports/new")
	b.attach("/admin/imports/new", "staff.csv", "text/csv", []byte(text), beside{"photos", "Lena.jpg", jpg.Bytes()}, beside{"photos", "", nil})
	b.says("lena.jpg", "Photo")
	mark := w.mark()
	b.press(b.at.Path, "plan", nil)
	plan := b.at.Path
	b.says("Lena Hoffmann", "what is there now", "a photo", "No picture called “jo.jpg” came with the file.", "Apply 1 change")
	if !strings.Contains(b.body, plan+"/photos/1") {
		t.Fatal("the picture is not shown")
	}
	if b.get(plan + "/photos/1"); b.code != http.StatusOK || b.head.Get("Content-Type") != "image/jpeg" || bytes.Equal([]byte(b.body), jpg.Bytes()) {
		t.Errorf("the picture: %d %v", b.code, b.head)
	}
	for _, none := range []string{"/photos/2", "/photos/9", "/photos/x"} {
		if b.get(plan + none); b.code != http.StatusNotFound {
			t.Errorf("%s: %d", none, b.code)
		}
	}
	if n := len(w.since(mark)); n != 0 {
		t.Fatalf("%d writes before anything was applied", n)
	}
	b.applied(plan, nil).says("Everything is saved", "In the history: Photo")
	if b.get(plan + "/photos/1"); b.code != http.StatusNotFound {
		t.Errorf("it waits after it was set: %d", b.code)
	}
	b.get(plan)
	b.press(plan+"/undo", "", nil).says("Undo of staff", "Lena Hoffmann", "a new photo")
}
