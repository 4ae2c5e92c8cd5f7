# Runs Zeek over all captures, with scripts if any are named, and keeps what stock logs say in a
# folder. Their uids differ from run to run, and so does the order in which connections end with
# a capture.
mkdir $1
for capture in $TRACES/*.pcap; do
	(cd $1 && zeek -r $capture $2) || exit 1
	for log in conn ssl x509 quic http weird notice; do
		test -f $1/$log.log || continue
		grep -v '^#\(open\|close\)' $1/$log.log | cut -f 1,3- | sort >> $1/$log
	done
	rm -f $1/*.log $1/.state/*
done
rm -rf $1/.state
