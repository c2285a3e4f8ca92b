# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# An ACME CA of bad manners, for tests, over plain HTTP: it proves nothing and signs with openssl, and at one step of an
# order it does what the file MODE says: "STEP FAULT". usage: acme_peer.pl PORT FOLDER MODE
# FOLDER holds ca.pem and ca.key. Steps: directory nonce account order authz ready (a look at the order) finalise certificate.
use strict;
use warnings;
use IO::Socket::INET;
use POSIX ();
use MIME::Base64 qw(decode_base64 encode_base64);

my ($port, $folder, $mode) = @ARGV;
my $base = "http://127.0.0.1:$port";
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 16, ReuseAddr => 1)
    or die "port $port: $!\n";
$SIG{PIPE} = 'IGNORE';
$SIG{CHLD} = 'IGNORE';
$| = 1;

sub slurp {
    my ($path) = @_;
    open my $file, '<', $path or return '';
    local $/;
    return scalar <$file>;
}

sub answer {
    my ($peer, $status, $body, @headers) = @_;
    # The directory comes without a nonce, so that one is asked for.
    push @headers, 'Replay-Nonce: nonce' . int rand 1e9 unless $body =~ /newAccount/;
    print $peer join("\r\n", "HTTP/1.1 $status", @headers, 'Connection: close',
        'Content-Length: ' . length $body, '', $body);
}

# What goes wrong whatever the step is. Returns false for a fault of its own.
sub misbehave {
    my ($peer, $fault, $step) = @_;
    if ($fault eq 'close') { }
    elsif ($fault eq 'json') { answer($peer, '200 OK', '{"status": "valid", ', "Location: $base/x") }
    elsif ($fault eq 'list') { answer($peer, '200 OK', '[1, {"status": 5}, null]', "Location: $base/x") }
    elsif ($fault eq 'types') { answer($peer, '200 OK', '{"status": [], "authorizations": {"a": 1}, "finalize": 7,
        "certificate": false, "challenges": "x", "identifier": 3, "newNonce": {}}', "Location: $base/x") }
    elsif ($fault eq 'html') { answer($peer, '200 OK', '<html>Welcome to our portal</html>', 'Content-Type: text/html') }
    elsif ($fault eq 'error') { answer($peer, '500 Internal Server Error', '<html>oops</html>') }
    elsif ($fault eq 'round') { answer($peer, '302 Found', '', "Location: $base/$step") }
    elsif ($fault eq 'forbidden') { answer($peer, '403 Forbidden', '{"type": "urn:ietf:params:acme:error:unauthorized",
        "detail": "no", "subproblems": [{"type": "urn:ietf:params:acme:error:caa", "detail": "CAA says no",
        "identifier": {"type": "dns", "value": "www.example.org"}}, 7, {}]}') }
    elsif ($fault eq 'rate') { answer($peer, '429 Too Many Requests', '{"type": "urn:ietf:params:acme:error:rateLimited",
        "detail": "too\u0007 many\nof you"}', 'Retry-After: 7200') }
    elsif ($fault eq 'huge') {
        print $peer "HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n";
        for (1 .. 1600) { print $peer 'x' x 65536 or last }
    }
    elsif ($fault eq 'slow') {
        print $peer "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
        for (1 .. 100) { print $peer 'x' or last; $peer->flush; select undef, undef, undef, 0.2 }
    }
    else { return 0 }
    return 1;
}

# Signs the request of a finalisation; the certificate's kind is that of the fault.
sub sign {
    my ($body) = @_;
    my ($payload) = $body =~ /"payload":"([^"]*)"/ or return;
    $payload =~ tr{-_}{+/};
    my ($csr) = decode_base64($payload) =~ /"csr":"([^"]*)"/ or return;
    $csr =~ tr{-_}{+/};
    open my $file, '>', "$folder/csr.pem" or return;
    print $file "-----BEGIN CERTIFICATE REQUEST-----\n" . encode_base64(decode_base64($csr))
        . "-----END CERTIFICATE REQUEST-----\n";
    close $file;
}

sub certificate {
    my ($fault) = @_;
    my $names = $fault eq 'names' ? 'other.example.org' : 'www.example.org';
    open my $file, '>', "$folder/ext" or return '';
    print $file "subjectAltName=DNS:$names\nauthorityKeyIdentifier=keyid\n";
    close $file;
    my @when = $fault eq 'expired' ? ('-days', '-1') : ('-days', '90');
    system("openssl x509 -req -in $folder/csr.pem -CA $folder/ca.pem -CAkey $folder/ca.key -CAcreateserial @when "
        . "-extfile $folder/ext -out $folder/cert.pem 2>>$folder/openssl.log");
    return '' if $fault eq 'empty';
    return slurp("$folder/other.pem") if $fault eq 'key';
    return slurp("$folder/cert.pem") . slurp("$folder/ca.pem");
}

sub serve {
    my ($peer, $step, $body, $wrong, $fault) = @_;
    return if $step eq $wrong && misbehave($peer, $fault, $step);
    my $more = '"unknown": {"fields": [null, 1]}, ';
    if ($step eq 'directory') {
        answer($peer, '200 OK', "{$more \"newNonce\": \"$base/nonce\", \"newAccount\": \"$base/account\", "
            . "\"newOrder\": \"$base/order\", \"revokeCert\": \"$base/revoke\"}", 'Content-Type: application/json');
    } elsif ($step eq 'nonce') { answer($peer, '200 OK', '') }
    elsif ($step eq 'account') { answer($peer, '201 Created', '{"status": "valid"}', "Location: $base/me") }
    elsif ($step eq 'order') {
        answer($peer, '201 Created', "{$more \"status\": \"pending\", \"authorizations\": [\"$base/authz\"], "
            . "\"finalize\": \"$base/finalise\"}", "Location: $base/ready");
        unlink "$folder/csr.pem";
    } elsif ($step eq 'authz') {
        answer($peer, '200 OK', '{"status": "valid", "identifier": {"type": "dns", "value": "www.example.org"},
            "challenges": [{"type": "strange-01"}, {}, 5]}');
    } elsif ($step eq 'ready' && -e "$folder/csr.pem") {
        answer($peer, '200 OK', "{\"status\": \"valid\", \"certificate\": \"$base/certificate\"}");
    } elsif ($step eq 'ready') {
        answer($peer, '200 OK', "{\"status\": \"ready\", \"authorizations\": [\"$base/authz\"], "
            . "\"finalize\": \"$base/finalise\"}");
    } elsif ($step eq 'finalise') {
        sign($body);
        if ($fault eq 'later') {
            my $date = POSIX::strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime(time + 3600));
            return answer($peer, '200 OK', '{"status": "processing"}', "Retry-After: $date");
        }
        answer($peer, '200 OK', "{\"status\": \"valid\", \"certificate\": \"$base/certificate\"}");
    } elsif ($step eq 'certificate') { answer($peer, '200 OK', certificate($fault), 'Content-Type: text/plain') }
    else { answer($peer, '404 Not Found', '') }
}

while (my $peer = $server->accept) {
    # A slow answer holds up nobody else.
    my $child = fork;
    if ($child) { close $peer; next }
    my $head = '';
    while (my $line = <$peer>) { last if $line eq "\r\n"; $head .= $line }
    my ($length) = $head =~ /^Content-Length: (\d+)/mi;
    my $body = '';
    read $peer, $body, $length if $length;
    my ($step) = $head =~ m{^\S+ /(\w*)};
    my ($wrong, $fault) = split ' ', slurp($mode);
    print "$step\n";
    serve($peer, $step, $body, $wrong // '', $fault // '');
    close $peer;
    exit 0;
}
