package progress

// Transfers shows a bar per transferred file, in megabytes. It is not safe for
// concurrent use.
type Transfers struct {
	file string
	bar  *Progress
}

// Show moves a file's bar to done of total bytes; another file's bar ends.
func (t *Transfers) Show(file string, done, total int64) {
	const megabyte = 1 << 20
	if t.bar == nil || file != t.file {
		t.Finish()
		t.file, t.bar = file, Start(file+" (MB)", int((total+megabyte-1)/megabyte))
	}
	t.bar.Set(int((done+megabyte-1)/megabyte), "")
}

// Finish ends the display.
func (t *Transfers) Finish() {
	if t.bar != nil {
		t.bar.Finish()
		t.bar = nil
	}
}
