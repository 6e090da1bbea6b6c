//go:build tools

// Package kubernetes names the programs of a real control plane, so that the module proxy brings
// their sources and `go build` makes them. It holds no code of its own.
package kubernetes

import (
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kube-controller-manager"
	_ "k8s.io/kubernetes/cmd/kube-scheduler"
	_ "k8s.io/kubernetes/cmd/kubelet"
)
