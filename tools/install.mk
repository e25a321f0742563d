# Installation: make install DESTDIR=...
MAN_SRC := $(wildcard docs/man/*.scd)
MAN     := $(MAN_SRC:docs/man/%.scd=$(B)/man/%)
$(B)/man/%: docs/man/%.scd
	@mkdir -p $(@D)
	$(Q)scdoc < $< > $@

.PHONY: man install
man: $(MAN) ## manual pages
install: build man ## installs programs, units, manual pages and sample configurations below DESTDIR
	install -d $(DESTDIR)$(bindir) $(DESTDIR)$(libexecdir) $(DESTDIR)$(unitdir) $(DESTDIR)$(sysconfdir)/sallyport \
		$(DESTDIR)$(prefix)/lib/sysusers.d $(DESTDIR)$(prefix)/share/bash-completion/completions
	install -m 755 $(B)/tsh $(B)/tctl $(DESTDIR)$(bindir)
	install -m 755 $(filter-out %/tsh %/tctl,$(PROGRAMS)) $(DESTDIR)$(libexecdir)
	ln -sf $(libexecdir)/noded $(DESTDIR)$(bindir)/noded
	for u in deploy/systemd/*.service; do \
		sed 's,@libexecdir@,$(libexecdir),g; s,@sysconfdir@,$(sysconfdir),g' $$u \
			> $(DESTDIR)$(unitdir)/$$(basename $$u); \
	done
	install -D -m 644 deploy/pam/sallyport $(DESTDIR)$(sysconfdir)/pam.d/sallyport
	install -m 644 deploy/sysusers/sallyport.conf $(DESTDIR)$(prefix)/lib/sysusers.d
	for c in deploy/conf/*.yaml; do install -m 644 $$c $(DESTDIR)$(sysconfdir)/sallyport/$$(basename $$c).sample; done
	for c in tsh tctl; do $(B)/$$c completion bash > $(DESTDIR)$(prefix)/share/bash-completion/completions/$$c; done
	for m in $(MAN); do s=$${m##*.}; install -D -m 644 $$m $(DESTDIR)$(mandir)/man$$s/$$(basename $$m); done
