package emulator

// Places for the parts that are being written; each is replaced by its own file.

type keyring struct{}    // keys.go
type loginState struct{} // login.go
type faultRules struct{} // fault.go
type statistics struct{} // control.go
type directory struct{}  // state.go
type user struct{}       // state.go
