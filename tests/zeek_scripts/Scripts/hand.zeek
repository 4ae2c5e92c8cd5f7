##! A Zeek without packets, which ends when so many findings were raised.

redef exit_only_after_terminate = T;
redef FlowPrint::ack_delay = 1sec;

const ends_after = 1 &redef;

global n_acks = 0;

# Ends in the end, also if too little happens.
event give_up()
	{
	if ( ! zeek_is_terminating() )
		{
		print "gave up";
		terminate();
		}
	}

event zeek_init() &priority=-10
	{
	schedule 20sec { give_up() };
	}

event FlowPrint::log_flowprint_ack(rec: FlowPrint::AckInfo)
	{
	print fmt("ack %s%s", rec$id, rec$again ? " again" : "");

	if ( ++n_acks == ends_after )
		terminate();
	}
