package api

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/lxd-pool/lxd-pool/pool"
)

// The header fields of an answer with the content of a file: what it is. The
// time is in Last-Modified.
const (
	FileTypeField = "Lxd-Pool-Type"
	FileModeField = "Lxd-Pool-Mode"
	FileUIDField  = "Lxd-Pool-Uid"
	FileGIDField  = "Lxd-Pool-Gid"
	FileSizeField = "Lxd-Pool-Size"
)

// The trailers of a streamed answer, for those who say "TE: trailers". An answer
// without either of them broke off. To others one that fails is broken off.
const (
	// TransferTrailer has a [pool.Transfer], ProblemTrailer a [Problem], each as
	// JSON with percent signs for what a header field cannot hold.
	TransferTrailer = "Lxd-Pool-Transfer"
	ProblemTrailer  = "Lxd-Pool-Problem"
)

// ArchiveType is the type of a tree as a tar stream, ContentType that of a file.
const (
	ArchiveType = "application/x-tar"
	ContentType = "application/octet-stream"
)

// File is a file in a list.
type File struct {
	pool.File
	// NameBytes and TargetBytes are in place of what is no UTF-8.
	NameBytes   []byte `json:"name_bytes,omitempty"`
	TargetBytes []byte `json:"target_bytes,omitempty"`
}

// NewFiles returns how files travel.
func NewFiles(files []pool.File) []*File {
	list := make([]*File, len(files))
	for i, f := range files {
		list[i] = &File{File: f}
		if !utf8.ValidString(f.Name) {
			list[i].NameBytes = []byte(f.Name)
		}
		if !utf8.ValidString(f.Target) {
			list[i].TargetBytes = []byte(f.Target)
		}
	}
	return list
}

// Files returns the files that arrived.
func Files(list []*File) []pool.File {
	files := make([]pool.File, len(list))
	for i, f := range list {
		files[i] = f.File
		if f.NameBytes != nil {
			files[i].Name = string(f.NameBytes)
		}
		if f.TargetBytes != nil {
			files[i].Target = string(f.TargetBytes)
		}
	}
	return files
}

// DescribeFile sets the header fields that say what a file is.
func DescribeFile(h http.Header, f pool.File) {
	h.Set(FileTypeField, string(f.Type))
	h.Set(FileModeField, f.Mode.String())
	h.Set(FileUIDField, strconv.Itoa(f.UID))
	h.Set(FileGIDField, strconv.Itoa(f.GID))
	h.Set(FileSizeField, strconv.FormatInt(f.Size, 10))
	h.Set("Last-Modified", f.Modified.UTC().Format(http.TimeFormat))
}

// FileOf reads what DescribeFile set.
func FileOf(h http.Header) (f pool.File, err error) {
	f.Type = pool.FileType(h.Get(FileTypeField))
	if f.Mode, err = pool.ParseFileMode(h.Get(FileModeField)); err == nil {
		f.UID, err = strconv.Atoi(h.Get(FileUIDField))
	}
	if err == nil {
		f.GID, err = strconv.Atoi(h.Get(FileGIDField))
	}
	if err == nil {
		f.Size, err = strconv.ParseInt(h.Get(FileSizeField), 10, 64)
	}
	if err == nil {
		f.Modified, err = time.Parse(http.TimeFormat, h.Get("Last-Modified"))
	}
	return f, err
}

// PushQuery returns the parameters of a push.
func PushQuery(path string, o pool.PushOptions) url.Values {
	query := url.Values{"path": {path}}
	if o.Mode != nil {
		query.Set("mode", o.Mode.String())
	}
	if o.UID != nil {
		query.Set("uid", strconv.Itoa(*o.UID))
	}
	if o.GID != nil {
		query.Set("gid", strconv.Itoa(*o.GID))
	}
	if o.Parents {
		query.Set("parents", "true")
	}
	return query
}

// EncodeTrailer writes a value so that a header field can hold it.
func EncodeTrailer(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // the wire's types are plain data
	}
	return url.PathEscape(string(text))
}

// DecodeTrailer reads what EncodeTrailer wrote.
func DecodeTrailer(text string, into any) error {
	plain, err := url.PathUnescape(text)
	if err == nil {
		err = json.Unmarshal([]byte(plain), into)
	}
	return err
}
