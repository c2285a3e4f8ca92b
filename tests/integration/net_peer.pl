# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# A peer of bad manners for certauto.net: the first line of a connection, or a datagram, says how it behaves.
# usage: net_peer.pl tcp|udp PORT
use strict;
use warnings;
use IO::Socket::INET;

my ($kind, $port) = @ARGV;
my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Proto => $kind,
    $kind eq 'tcp' ? (Listen => 16, ReuseAddr => 1) : ()) or die "port $port: $!\n";
$| = 1;
$SIG{PIPE} = 'IGNORE';
$SIG{CHLD} = 'IGNORE';

sub drip {
    my ($peer, $bytes) = @_;
    for (1 .. 50) { syswrite $peer, $bytes or last; select undef, undef, undef, 0.2 }
}

sub serve {
    my ($peer, $wish) = @_;
    return syswrite $peer, "echo one\r\ntwo\nthree" if $wish eq 'lines';
    return syswrite $peer, 'x' x 100_000 if $wish eq 'long';
    return drip($peer, 'z') if $wish eq 'drip';
    return syswrite($peer, "\x16\x03\x03\x30\x00") && drip($peer, "\x02") if $wish eq 'record';
    return sleep 10 if $wish eq 'silent';
    return syswrite $peer, "\x00\xff" x 5000 if $wish eq 'rubbish';
    return;    # closes without a word
}

if ($kind eq 'udp') {
    while (defined $socket->recv(my $wish, 65536)) {
        if ($wish eq 'huge') { $socket->send('x' x 60_000) }
        elsif ($wish eq 'empty') { $socket->send('') }
        elsif ($wish eq 'stranger') { IO::Socket::INET->new(Proto => 'udp', PeerAddr => '127.0.0.1',
            PeerPort => $socket->peerport)->send('forged'); $socket->send('true') }
        elsif ($wish ne 'silent') { $socket->send("echo $wish") }
    }
    exit;
}
while (my $peer = $socket->accept) {
    next if fork;
    sysread $peer, my $line, 4096;
    my $wish = $line =~ /^(\w+)\n/ ? $1 : $ENV{PEER_DEFAULT} // 'close';
    serve($peer, $wish);
    exit;
}
