package api_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool/api"
)

func TestAMessageIsSplitIntoChannelAndPayload(t *testing.T) {
	channel, payload, err := api.DecodeMessage([]byte("\x01hello"))
	if channel != api.Stdout || string(payload) != "hello" || err != nil {
		t.Fatalf("got %d, %q, %v", channel, payload, err)
	}
	for name, bad := range map[string][]byte{
		"empty":   {},
		"unknown": {9, 'x'},
		"large":   make([]byte, api.MaxPayload+2),
	} {
		if _, _, err := api.DecodeMessage(bad); err == nil {
			t.Errorf("the %s message was accepted", name)
		}
	}
}

func TestAControlMessageSaysOneThing(t *testing.T) {
	for _, bad := range []string{"", "{}", "null", `{"eof":true,"signal":2}`, `{"exit":"0"}`, `{"start":{}} {}`} {
		if c, err := api.DecodeControl([]byte(bad)); err == nil {
			t.Errorf("%q was accepted as %+v", bad, c)
		}
	}
	if c, err := api.DecodeControl([]byte(`{"exit":0}`)); err != nil || c.Exit == nil || *c.Exit != 0 {
		t.Fatalf("got %+v, %v", c, err)
	}
}

func FuzzAMessageIsReadOrRefused(f *testing.F) {
	f.Add([]byte("\x00input"))
	f.Add([]byte("\x03{\"eof\":true}"))
	f.Add([]byte("\x03{\"start\":{\"args\":[\"true\"],\"size\":{\"width\":80}}}"))
	f.Fuzz(func(t *testing.T, message []byte) {
		channel, payload, err := api.DecodeMessage(message)
		if err != nil {
			return
		}
		if !bytes.Equal(append([]byte{byte(channel)}, payload...), message) {
			t.Fatalf("%q was split into %d and %q", message, channel, payload)
		}
		if channel != api.ControlChannel {
			return
		}
		control, err := api.DecodeControl(payload)
		if err != nil {
			return
		}
		text, err := json.Marshal(control)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := api.DecodeControl(text); err != nil {
			t.Fatalf("%s was read as %+v and not again: %v", payload, again, err)
		}
	})
}
