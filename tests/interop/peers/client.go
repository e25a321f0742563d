// SPDX-License-Identifier: Apache-2.0

// A client by golang.org/x/crypto/ssh: what a program written with it does, through the proxy to a node. Called by
// tests/interop/clients.py: client KEY CERT KNOWN_HOSTS USER PROXY LOGIN NODE WHAT [COMMAND].
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"sync"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(99)
	}
}

func signer(key, cert string) ssh.Signer {
	pem, err := os.ReadFile(key)
	must(err)
	plain, err := ssh.ParsePrivateKey(pem)
	must(err)
	line, err := os.ReadFile(cert)
	must(err)
	public, _, _, _, err := ssh.ParseAuthorizedKey(line)
	must(err)
	s, err := ssh.NewCertSigner(public.(*ssh.Certificate), plain)
	must(err)
	return s
}

// The exit status as a shell has it.
func leave(err error) {
	if e, ok := err.(*ssh.ExitError); ok {
		os.Exit(e.ExitStatus())
	}
	must(err)
	os.Exit(0)
}

func run(node *ssh.Client, command string) {
	s, err := node.NewSession()
	must(err)
	if v, ok := os.LookupEnv("LC_MATRIX_1"); ok {
		must(s.Setenv("LC_MATRIX_1", v))
	}
	s.Stdin, s.Stdout, s.Stderr = os.Stdin, os.Stdout, os.Stderr
	leave(s.Run(command))
}

func terminal(node *ssh.Client, command string) {
	s, err := node.NewSession()
	must(err)
	must(s.RequestPty("xterm", 24, 80, ssh.TerminalModes{}))
	in, err := s.StdinPipe()
	must(err)
	out, err := s.StdoutPipe()
	must(err)
	must(s.Start(command))
	lines := bufio.NewReader(out)
	first, err := lines.ReadString('\n')
	must(err)
	must(s.WindowChange(40, 100))
	fmt.Fprint(in, "\n")
	rest, err := io.ReadAll(lines)
	must(err)
	fmt.Print(first, string(rest))
	leave(s.Wait())
}

func many(node *ssh.Client, command string) {
	var all sync.WaitGroup
	results := make([][]byte, 10)
	for i := range results {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			s, err := node.NewSession()
			must(err)
			results[i], err = s.Output(fmt.Sprintf(command, i))
			must(err)
		}(i)
	}
	all.Wait()
	for _, r := range results {
		os.Stdout.Write(r)
	}
}

func reader(node *ssh.Client, command string) {
	s, err := node.NewSession()
	must(err)
	out, err := s.StdoutPipe()
	must(err)
	must(s.Start(command))
	line, err := bufio.NewReader(out).ReadString('\n')
	must(err)
	fmt.Print(line)
	s.Close()
}

func main() {
	a := os.Args[1:]
	believe, err := knownhosts.New(a[2])
	must(err)
	config := &ssh.ClientConfig{User: a[3], HostKeyCallback: believe,
		Auth: []ssh.AuthMethod{ssh.PublicKeys(signer(a[0], a[1]))}}
	if a[7] == "rekey" {
		config.RekeyThreshold = 1 << 20
	}
	proxy, err := ssh.Dial("tcp", a[4], config)
	must(err)
	var way net.Conn
	way, err = proxy.Dial("tcp", a[6])
	must(err)
	inner := *config
	inner.User = a[5]
	conn, channels, requests, err := ssh.NewClientConn(way, a[6], &inner)
	must(err)
	node := ssh.NewClient(conn, channels, requests)
	switch a[7] {
	case "terminal":
		terminal(node, a[8])
	case "many":
		many(node, a[8])
	case "reader":
		reader(node, a[8])
	default:
		run(node, a[8])
	}
}
