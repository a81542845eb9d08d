package api

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"

	"github.com/coder/websocket"
)

// Stream is one end of the websocket of a command. Sending may be done from
// several goroutines, receiving from one.
type Stream struct {
	conn *websocket.Conn
	in   bytes.Buffer
}

// NewStream takes over conn.
func NewStream(conn *websocket.Conn) *Stream {
	conn.SetReadLimit(MaxMessage)
	return &Stream{conn: conn}
}

var buffers = sync.Pool{New: func() any { return new([1 + MaxPayload]byte) }}

// Send sends data on a channel, in as many messages as it takes. It blocks
// while the other end does not read. When ctx ends, so does the connection.
func (s *Stream) Send(ctx context.Context, channel Channel, data []byte) error {
	buffer := buffers.Get().(*[1 + MaxPayload]byte)
	defer buffers.Put(buffer)
	buffer[0] = byte(channel)
	for len(data) > 0 {
		n := copy(buffer[1:], data)
		if err := s.conn.Write(ctx, websocket.MessageBinary, buffer[:1+n]); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

// Tell sends a control message.
func (s *Stream) Tell(ctx context.Context, c Control) error {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // a control message is plain data
	}
	return s.conn.Write(ctx, websocket.MessageBinary, append([]byte{byte(ControlChannel)}, text...))
}

// Receive returns the next message: data on a channel, or on the control
// channel what it says. The data is good until the next call. A message that
// cannot be understood is a [pool.ErrInvalid]; any other error is about the
// connection.
func (s *Stream) Receive(ctx context.Context) (Channel, []byte, Control, error) {
	kind, message, err := s.conn.Reader(ctx)
	if err != nil {
		return 0, nil, Control{}, err
	}
	if kind != websocket.MessageBinary {
		return 0, nil, Control{}, badMessage("it is not binary")
	}
	s.in.Reset()
	if _, err := s.in.ReadFrom(message); err != nil {
		return 0, nil, Control{}, err
	}
	channel, payload, err := DecodeMessage(s.in.Bytes())
	if err != nil || channel != ControlChannel {
		return channel, payload, Control{}, err
	}
	c, err := DecodeControl(payload)
	return channel, nil, c, err
}

// Bye ends the connection in good order and waits, not for long, until the
// other end has seen it.
func (s *Stream) Bye() { s.conn.Close(websocket.StatusNormalClosure, "") }

// Break ends the connection at once. It may be called after Bye.
func (s *Stream) Break() { s.conn.CloseNow() }
