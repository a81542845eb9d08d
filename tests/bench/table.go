package main

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// table is a table of the page, in Markdown. Its first row is the head.
type table struct{ rows [][]string }

func newTable(heads ...string) *table { return &table{rows: [][]string{heads}} }

func (t *table) row(cells ...any) {
	var row []string
	for _, c := range cells {
		row = append(row, fmt.Sprint(c))
	}
	t.rows = append(t.rows, row)
}

// String aligns the first column, which is words, to the left and the others
// to the right.
func (t *table) String() string {
	var lines []string
	for i, row := range t.rows {
		lines = append(lines, t.line(row, " "))
		if i == 0 {
			lines = append(lines, t.line(make([]string, len(row)), "-"))
		}
	}
	return strings.Join(lines, "\n")
}

// line pads every cell to the width of its column. A rule is padded with
// dashes, and a colon tells Markdown which side the column keeps to.
func (t *table) line(row []string, with string) string {
	text := "|"
	for i, cell := range row {
		padding := strings.Repeat(with, t.width(i)-utf8.RuneCountInString(cell))
		switch {
		case i == 0:
			text += with + cell + padding + with + "|"
		case with == "-":
			text += with + padding + ":|"
		default:
			text += with + padding + cell + with + "|"
		}
	}
	return text
}

func (t *table) width(column int) int {
	widest := 0
	for _, row := range t.rows {
		widest = max(widest, utf8.RuneCountInString(row[column]))
	}
	return widest
}

// trimmed is the first line of an output.
func trimmed(out []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return line
}

// count writes a number with a comma at each thousand.
func count(n int) string {
	s := fmt.Sprint(n)
	for at := len(s) - 3; at > 0; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}
