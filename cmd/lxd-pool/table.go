package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"
)

// column is one of a table; its letter chooses it in --columns.
type column[T any] struct {
	letter rune
	name   string
	cell   func(T) string
}

// listing prints rows in the form that the user chose.
type listing[T any] struct {
	columns []column[T]
	// id is what is printed of a row with --quiet.
	id     func(T) string
	format *formatValue
	chosen columnsValue
}

// newListing gives a command the flags --format and --columns.
func newListing[T any](cmd *cobra.Command, id func(T) string, columns ...column[T]) *listing[T] {
	l := &listing[T]{columns: columns, id: id, format: formatFlag(cmd, listFormats...)}
	var help []string
	for _, c := range columns {
		l.chosen.known += string(c.letter)
		help = append(help, fmt.Sprintf("%c=%s", c.letter, strings.ToLower(c.name)))
	}
	l.chosen.letters = l.chosen.known
	cmd.Flags().VarP(&l.chosen, "columns", "c", "columns of a table: "+strings.Join(help, ", "))
	complete(cmd, "columns")
	return l
}

func (l *listing[T]) print(c *cli, rows []T) error {
	if c.quiet {
		for _, row := range rows {
			fmt.Fprintln(c.out, l.id(row))
		}
		return nil
	}
	if done, err := l.format.print(c.out, orEmpty(rows)); done {
		return err
	}
	head, cells := l.cells(rows)
	return printTable(c.out, l.format.name, head, cells)
}

func (l *listing[T]) cells(rows []T) (head []string, cells [][]string) {
	cells = make([][]string, len(rows))
	for _, letter := range l.chosen.letters {
		for _, col := range l.columns {
			if col.letter != letter {
				continue
			}
			head = append(head, col.name)
			for i, row := range rows {
				cells[i] = append(cells[i], col.cell(row))
			}
		}
	}
	return head, cells
}

// orEmpty keeps a list without rows from being null.
func orEmpty[T any](rows []T) []T {
	if rows == nil {
		return []T{}
	}
	return rows
}

// printTable writes a table as lxc does: with lines around every cell, compact
// without them, or as CSV without a head.
func printTable(w io.Writer, format string, head []string, cells [][]string) error {
	if format == asCSV {
		return csv.NewWriter(w).WriteAll(cells)
	}
	t := table.NewWriter()
	t.SetStyle(tableStyle(format))
	t.AppendHeader(asRow(head))
	for _, row := range cells {
		t.AppendRow(asRow(row))
	}
	t.SuppressTrailingSpaces()
	_, err := fmt.Fprintln(w, t.Render())
	return err
}

func tableStyle(format string) table.Style {
	s := table.StyleDefault
	s.Format = table.FormatOptions{Header: text.FormatDefault}
	if format == asCompact {
		s.Options = table.OptionsNoBordersAndSeparators
		s.Box.PaddingLeft, s.Box.PaddingRight = "", "  "
		return s
	}
	s.Options.SeparateRows = true
	return s
}

func asRow(cells []string) table.Row {
	row := make(table.Row, len(cells))
	for i, cell := range cells {
		row[i] = cell
	}
	return row
}

// columnsValue is a choice of columns by their letters.
type columnsValue struct{ letters, known string }

func (v *columnsValue) Set(letters string) error {
	for _, l := range letters {
		if !strings.ContainsRune(v.known, l) {
			return fmt.Errorf("there is no column %q, but %s", string(l), v.known)
		}
	}
	if letters == "" {
		return fmt.Errorf("choose from %s", v.known)
	}
	v.letters = letters
	return nil
}

func (v *columnsValue) String() string { return v.letters }
func (v *columnsValue) Type() string   { return "LETTERS" }
