package emulator

func (e *Emulator) stateVerbs() []verb { return nil }
