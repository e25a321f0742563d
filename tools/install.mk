# Installation: make install DESTDIR=... What is in which package says debian/*.install.
MAN_SRC := $(wildcard docs/man/*.scd)
MAN     := $(MAN_SRC:docs/man/%.scd=$(B)/man/%)
$(B)/man/%: docs/man/%.scd
	@mkdir -p $(@D)
	$(Q)scdoc < $< > $@

datadir  := $(prefix)/share
bash_dir := $(datadir)/bash-completion/completions
zsh_dir  := $(datadir)/zsh/vendor-completions
fish_dir := $(datadir)/fish/vendor_completions.d

SETUP_DIRS := s,@libexecdir@,$(libexecdir),g; s,@bindir@,$(bindir),g; s,@sbindir@,$(sbindir),g; s,@sysconfdir@,$(sysconfdir),g

# The web app, where `make web` was called before: it takes npm's registry, which whoever makes packages may not have.
SITE_DIR ?= $(B)/web/site
# What the clients know it by, where `make web-hashes` was called too. That of an app before this one would call ours an intruder's.
SITE_HASHES ?= $(B)/web/web-hashes

.PHONY: man install install-web deb deploy-test
man: $(MAN) ## manual pages
install: build man install-web ## installs programs, units, manual pages and sample configurations below DESTDIR
	install -d $(addprefix $(DESTDIR),$(bindir) $(sbindir) $(libexecdir)/setup $(unitdir) $(sysconfdir)/sallyport $(prefix)/lib/sysusers.d \
		$(bash_dir) $(zsh_dir) $(fish_dir))
	install -m 755 $(B)/tsh $(B)/tctl $(DESTDIR)$(bindir)
	install -m 755 $(filter-out %/tsh %/tctl,$(PROGRAMS)) $(DESTDIR)$(libexecdir)
	ln -sf $(libexecdir)/noded $(DESTDIR)$(bindir)/noded
	for u in deploy/systemd/*.service; do \
		sed 's,@libexecdir@,$(libexecdir),g; s,@sysconfdir@,$(sysconfdir),g' $$u \
			> $(DESTDIR)$(unitdir)/$$(basename $$u); \
	done
	install -D -m 644 deploy/pam/sallyport $(DESTDIR)$(sysconfdir)/pam.d/sallyport
	install -m 644 deploy/sysusers/*.conf $(DESTDIR)$(prefix)/lib/sysusers.d
	for f in deploy/prometheus/* deploy/grafana/*; do install -D -m 644 $$f $(DESTDIR)$(datadir)/sallyport/$${f#deploy/}; done
	for c in deploy/conf/*.yaml; do install -m 644 $$c $(DESTDIR)$(sysconfdir)/sallyport/$$(basename $$c).sample; done
	for c in tsh tctl; do \
		$(B)/$$c completion bash > $(DESTDIR)$(bash_dir)/$$c && \
		$(B)/$$c completion zsh > $(DESTDIR)$(zsh_dir)/_$$c && \
		$(B)/$$c completion fish > $(DESTDIR)$(fish_dir)/$$c.fish || exit 1; \
	done
	sed '$(SETUP_DIRS)' deploy/setup/sallyport-setup > $(DESTDIR)$(sbindir)/sallyport-setup
	chmod 755 $(DESTDIR)$(sbindir)/sallyport-setup
	install -m 644 deploy/setup/*.sh $(DESTDIR)$(libexecdir)/setup
	install -m 644 deploy/setup/completion.bash $(DESTDIR)$(bash_dir)/sallyport-setup
	install -m 644 deploy/setup/completion.zsh $(DESTDIR)$(zsh_dir)/_sallyport-setup
	install -m 644 deploy/setup/completion.fish $(DESTDIR)$(fish_dir)/sallyport-setup.fish
	for m in $(MAN); do s=$${m##*.}; install -D -m 644 $$m $(DESTDIR)$(mandir)/man$$s/$$(basename $$m); done
	ln -sf sallyport-noded.8 $(DESTDIR)$(mandir)/man8/noded.8

install-web:
	if [ -e $(SITE_DIR)/index ]; then \
		install -d $(DESTDIR)$(datadir)/sallyport/web && install -m 644 $(SITE_DIR)/* $(DESTDIR)$(datadir)/sallyport/web; \
	fi
	rm -f $(DESTDIR)$(datadir)/sallyport/web-hashes
	if [ -e $(SITE_HASHES) ] && ! [ $(SITE_DIR)/index -nt $(SITE_HASHES) ]; then \
		install -D -m 644 $(SITE_HASHES) $(DESTDIR)$(datadir)/sallyport/web-hashes; \
	fi

deb: $(if $(RELEASE),,deps-deb) deps-web ## Debian packages of the last commit in build/deb; RELEASE=trixie: of that release, in a tree of it (root)
	@tools/deb $(RELEASE)
deploy-test: deps-deploy ## the packages made twice, judged, installed, upgraded and purged in a machine (root); RELEASE=trixie
	@tools/deploy-test $(RELEASE)
