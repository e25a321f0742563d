# Sallyport: one Makefile, no recursion. `make help` lists the targets.
#
#   B=dir     build folder (default build; build-san with SAN=1)
#   SAN=1     AddressSanitizer and UndefinedBehaviourSanitizer
#   CC=clang  another compiler
#   V=1       shows the commands
SHELL := /bin/bash
.DELETE_ON_ERROR:
.SUFFIXES:
SAN ?=
V   ?=
Q   := $(if $(V),,@)
B   ?= $(if $(SAN),build-san,build)
CC  := $(if $(filter default,$(origin CC)),gcc,$(CC))

prefix     ?= /usr
bindir     ?= $(prefix)/bin
sbindir    ?= $(prefix)/sbin
libexecdir ?= $(prefix)/lib/sallyport
sysconfdir ?= /etc
mandir     ?= $(prefix)/share/man
unitdir    ?= /lib/systemd/system

include tools/deps.mk
include tools/flags.mk
include tools/build.mk
include tools/web.mk
include tools/check.mk
include tools/install.mk

.PHONY: all help
.DEFAULT_GOAL := all
all: build ## everything that is installed

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14 | sort
