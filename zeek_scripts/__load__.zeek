@load ./main
@load ./client
@load ./activity
