# A node each in its own folder; all end when the workers have read their captures.
for node in manager logger worker-1 worker-2; do
	mkdir $node
	cp "$SCRIPTS/cluster-layout.zeek" $node
	capture=
	test $node = worker-1 && capture="-r $TRACES/handshake.pcap"
	test $node = worker-2 && capture="-r $TRACES/http.pcap"
	(cd $node && CLUSTER_NODE=$node timeout 60 zeek -b $capture $FLOWPRINT $1 2>&1 | sed "s/^/$node: /" >> ../said) &
done
wait
