//go:build tools

// Package tools keeps the program we only build, never import, in go.mod.
package tools

import (
	_ "github.com/kubernetes-sigs/kro/cmd/controller"
)
