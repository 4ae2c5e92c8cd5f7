# @TEST-DOC: Stock logs are the same with and without the scripts.
# @TEST-EXEC: mkdir with without
# @TEST-EXEC: for one in $TRACES/*.pcap; do (cd with; zeek -r $one $FLOWPRINT >> ../output 2>&1; for log in conn ssl x509 quic http files weird; do test -f $log.log && grep -v '^#\(open\|close\)' $log.log >> $log.all; rm -f $log.log; done; true); done
# @TEST-EXEC: for one in $TRACES/*.pcap; do (cd without; zeek -r $one >> ../output 2>&1; for log in conn ssl x509 quic http files weird; do test -f $log.log && grep -v '^#\(open\|close\)' $log.log >> $log.all; rm -f $log.log; done; true); done
# @TEST-EXEC: for log in conn ssl x509 quic http files; do cut -f 1,3- with/$log.all > with/$log; cut -f 1,3- without/$log.all > without/$log; done
# @TEST-EXEC: for log in conn ssl x509 quic http files; do cmp with/$log without/$log || exit 1; done
# @TEST-EXEC: test -s with/conn -a -s with/ssl -a -s with/http -a ! -s output
