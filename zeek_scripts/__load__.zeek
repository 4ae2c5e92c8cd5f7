@load ./main
@load ./client
@load ./activity
@load ./notices
