package httpd_test

import (
	"io"
	"net/http"
	"testing"

	"guestload/server/contract"
)

func TestDescriptionsAreServed(t *testing.T) {
	b := start(t)
	for path, want := range map[string]string{"/openapi.yaml": contract.OpenAPI, "/asyncapi.yaml": contract.AsyncAPI} {
		r, err := http.Get(b.url + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		r.Body.Close()
		if kind := r.Header.Get("Content-Type"); err != nil || r.StatusCode != 200 || kind != "application/yaml" || string(body) != want {
			t.Errorf("%s: %d %s, %d bytes, %v", path, r.StatusCode, kind, len(body), err)
		}
	}
}
