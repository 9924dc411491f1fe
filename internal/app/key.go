package app

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"nameplate/internal/access"
	"nameplate/internal/config"
	"nameplate/internal/fail"
)

// loadKeys reads the sealing keys, one a line in base64, newest first, and makes the file with one key when it is not there.
func loadKeys(path string, random io.Reader) ([][]byte, error) {
	wrong := func(say fail.Text, err error) error {
		return &fail.Error{Op: "app.key", Item: path, Kind: fail.Invalid, Say: say, Err: err}
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKey(path, random)
	}
	if err != nil {
		return nil, wrong(fail.T("The key file %s cannot be read. Let the user that runs nameplate read it.", path), err)
	}
	if info, err := os.Stat(path); err == nil && config.Exposed(info) {
		return nil, wrong(fail.T("Others on this machine may read the key file %[1]s. Run: chmod 600 %[1]s", path), nil)
	}
	var keys [][]byte
	for _, line := range strings.Fields(string(data)) {
		k, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(k) != access.KeySize {
			return nil, wrong(fail.T("The key file %s is damaged. Put it back from its backup; without it everybody has to sign in again, and a new file is made when you move it away.", path), err)
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, wrong(fail.T("The key file %s is empty. Put it back from its backup, or delete it: then everybody has to sign in again.", path), nil)
	}
	return keys, nil
}

func makeKey(path string, random io.Reader) ([][]byte, error) {
	key := make([]byte, access.KeySize)
	if _, err := io.ReadFull(random, key); err != nil {
		return nil, fail.Wrap(fail.Internal, "app.key", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, &fail.Error{
			Op: "app.key", Item: path, Kind: fail.Invalid, Err: err,
			Say: fail.T("The key file %s cannot be made. Check that its folder is there and can be written.", path),
		}
	}
	_, err = fmt.Fprintln(f, base64.StdEncoding.EncodeToString(key))
	if serr := f.Sync(); err == nil {
		err = serr
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return nil, fail.Wrap(fail.Internal, "app.key", err)
	}
	return [][]byte{key}, nil
}

// formKey binds form tokens to sessions; it comes from the sealing key, so that tokens outlive a restart.
func formKey(key []byte) []byte {
	k, err := hkdf.Key(sha256.New, key, nil, "nameplate form tokens", 32)
	if err != nil {
		panic(err) // 32 bytes are never too many
	}
	return k
}
