# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# A provider's API for tests: it answers what a file says and expects what the file says, in that order.
# usage: dns_peer.pl PORT FILE
# FILE: exchanges, parted by empty lines. "> METHOD PATH", "> Header: value" and "> {json}" are expected,
# "< STATUS", "< Header: value" and "< body" the answer; "<* COUNT" is a body of that many bytes. A line of # is a comment.
# "> SigV4: SECRET" expects a signature of Amazon's Signature Version 4, made with that key.
# "> OVH: SECRET TIME" expects a signature of OVHcloud's, made with that secret not long after that time.
# {port} anywhere is the port of this server.
# "> JWT: ISSUER SCOPE" expects a form whose assertion is signed by RS256 with the private part of the key in PUBLIC_KEY.
# What does not fit is answered by 555 and told on standard output; "all done" comes with the last exchange.
use strict;
use warnings;
use IO::Socket::INET;
use Digest::SHA qw(sha1_hex sha256_hex hmac_sha256 hmac_sha256_hex);
use File::Temp;
use JSON::PP;
use MIME::Base64 qw(decode_base64url);

my ($port, $file) = @ARGV;
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 16, ReuseAddr => 1)
    or die "port $port: $!\n";
$| = 1;
$SIG{PIPE} = 'IGNORE';

my @exchanges = do {
    open my $in, '<', $file or die "$file: $!\n";
    local $/ = '';
    map { s/\{port\}/$port/gr } grep { /^>/m } <$in>;
};
my $json = JSON::PP->new->canonical->allow_nonref;

# JSON in one form, other text as it is.
sub plain {
    my ($text) = @_;
    my $value = eval { $json->decode($text) };
    return $@ ? $text : $json->encode($value);
}

# The signature that the request should have, over the headers that it says it signs.
sub signature {
    my ($secret, $first, $headers, $body) = @_;
    my ($method, $path, $query) = $first =~ /^(\S+) ([^?]*)\??(.*)/;
    my ($scope, $signed) = ($headers->{authorization} // '') =~ m{Credential=[^/]+/(\S+), SignedHeaders=(\S+),};
    return 'none' if !defined $signed || $signed !~ /\bhost\b.*\bx-amz-date\b/;
    my $canonical = join "\n", $method, $path, $query, (map { "$_:" . ($headers->{$_} // '') } split /;/, $signed), '',
        $signed, sha256_hex($body);
    my $key = "AWS4$secret";
    $key = hmac_sha256($_, $key) for split m{/}, $scope;
    return hmac_sha256_hex(join("\n", 'AWS4-HMAC-SHA256', $headers->{'x-amz-date'}, $scope, sha256_hex($canonical)), $key);
}

# What is wrong with a signature of OVHcloud's.
sub ovh_mistake {
    my ($secret, $time, $first, $headers, $body) = @_;
    my ($method, $path) = split / /, $first;
    my ($now, $consumer) = map { $headers->{"x-ovh-$_"} // '' } qw(timestamp consumer);
    return "expected a time after $time, got '$now'" if $now !~ /^\d+$/ || $now < $time || $now > $time + 300;
    my $right = '$1$' . sha1_hex(join '+', $secret, $consumer, $method, "http://$headers->{host}$path", $body, $now);
    return ($headers->{'x-ovh-signature'} // '') eq $right ? () : "the signature is not $right";
}

# What is wrong with the form that asks for a token by an assertion (RFC 7523).
sub jwt_mistake {
    my ($issuer, $scope, $first, $headers, $body) = @_;
    my ($text, $signature) = $body =~ /^grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=
        ([\w-]+\.[\w-]+)\.([\w-]+)$/x or return "no assertion in '$body'";
    my ($head, $claims) = map { $json->decode(decode_base64url($_)) } split /\./, $text;
    return "another algorithm: $head->{alg}" if $head->{alg} ne 'RS256';
    my ($path) = $first =~ /^POST (.*)/;
    my %right = (iss => $issuer, scope => $scope, aud => "http://$headers->{host}$path");
    for my $name (sort keys %right) {
        return "expected $name '$right{$name}', got '$claims->{$name}'" if $claims->{$name} ne $right{$name};
    }
    return "made at another time: $claims->{iat}" if abs(time - $claims->{iat}) > 60;
    return "ends at $claims->{exp}" if $claims->{exp} <= time || $claims->{exp} > $claims->{iat} + 3600;
    my $file = File::Temp->new;
    print $file decode_base64url($signature);
    close $file;
    open my $verify, '|-', "openssl dgst -sha256 -verify '$ENV{PUBLIC_KEY}' -signature '$file' >/dev/null" or return "$!";
    print $verify $text;
    return close $verify ? () : 'the signature is wrong';
}

sub mistakes {
    my ($exchange, $first, $headers, $body) = @_;
    my ($start, @rest) = map { /^> (.*)/ ? $1 : () } split /\n/, $exchange;
    my @found;
    push @found, "expected '$start', got '$first'" if $start ne $first;
    my $expected = '';
    for my $line (@rest) {
        if ($line =~ /^SigV4: (.*)/) {
            my $right = signature($1, $first, $headers, $body);
            push @found, "the signature is not $right" if ($headers->{authorization} // '') !~ /Signature=$right$/;
        } elsif ($line =~ /^OVH: (\S+) (\d+)/) {
            push @found, ovh_mistake($1, $2, $first, $headers, $body);
        } elsif ($line =~ /^JWT: (\S+) (\S+)/) {
            push @found, jwt_mistake($1, $2, $first, $headers, $body);
            $expected = $body;
        } elsif ($line =~ /^([A-Z][\w-]*): (.*)/) {
            my $seen = $headers->{lc $1} // '(nothing)';
            push @found, "expected $1: '$2', got '$seen'" if $seen ne $2;
        } else {
            $expected .= $expected eq '' ? $line : "\n$line";
        }
    }
    push @found, "expected body '$expected', got '$body'" if plain($expected) ne plain($body);
    return @found;
}

sub answer {
    my ($peer, $exchange) = @_;
    my ($status, @rest) = map { /^<(\*? .*)/ ? $1 : () } split /\n/, $exchange;
    my ($body, @headers) = ('');
    for my $line (@rest) {
        if ($line =~ /^\* (\d+)/) { $body = 'x' x $1 }
        elsif ($line =~ /^ ([A-Z][\w-]*: .*)/) { push @headers, $1 }
        else { $body .= substr $line, 1 }
    }
    print $peer join "\r\n", "HTTP/1.1$status Said", @headers, 'Connection: close', 'Content-Length: ' . length $body,
        '', $body;
}

while (my $peer = $server->accept) {
    my $first = <$peer> // '';
    $first =~ s{ HTTP/1\.1\r?\n}{};
    my (%headers, $body);
    while (my $line = <$peer>) {
        last if $line =~ /^\r?\n$/;
        $headers{lc $1} = $2 if $line =~ /^([^:]+): *(.*?)\r?\n/;
    }
    $body = '';
    read $peer, $body, $headers{'content-length'} if $headers{'content-length'};
    my $exchange = shift @exchanges;
    my @wrong = defined $exchange ? mistakes($exchange, $first, \%headers, $body) : ("nothing expected, got '$first'");
    # Told before the answer: whoever has the last answer may end this peer.
    print "all done\n" if !@exchanges && !@wrong;
    if (@wrong) {
        print "wrong: $_\n" for @wrong;
        print $peer "HTTP/1.1 555 Wrong\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    } else {
        answer($peer, $exchange);
    }
    close $peer;
}
