// The bare loops that Millrace is measured against: what a C program does with librdkafka and nothing
// else (no identity, no checkpoint, no checks). Same librdkafka settings as the agent's.
//
//   bare packs   BROKERS TOPIC PARTITIONS FILE...   read, split at line ends, produce 64 KiB packs
//   bare lines   BROKERS TOPIC PARTITIONS FILE...   read, split, rd_kafka_produce_batch one line a record
//   bare consume BROKERS TOPIC PARTITIONS RECORDS   consume batches until RECORDS have come
//
// Prints one line: loop, records, bytes, lines, wall seconds, CPU seconds.
#define _GNU_SOURCE
#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { pack_limit = 64 << 10, chunk = 1 << 20, batch = 4096 };

static long failed, delivered;

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque) {
    (void)rk; (void)opaque;
    if (message->err) failed++; else delivered++;
}

static double seconds(int clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
    char text[512];
    if (rd_kafka_conf_set(conf, name, value, text, sizeof text) != RD_KAFKA_CONF_OK) {
        fprintf(stderr, "bare: %s\n", text);
        exit(64);
    }
}

static void report(const char *loop, long records, long bytes, long lines, double wall) {
    printf("%s records=%ld bytes=%ld lines=%ld wall=%.3f cpu=%.3f failed=%ld\n", loop, records, bytes, lines,
           wall, seconds(CLOCK_PROCESS_CPUTIME_ID), failed);
}

static void produce(rd_kafka_t *rk, rd_kafka_topic_t *topic, int partition, rd_kafka_message_t *messages, int count) {
    int done = 0;
    while (done < count) {
        int taken = rd_kafka_produce_batch(topic, partition, RD_KAFKA_MSG_F_COPY, messages + done, count - done);
        rd_kafka_poll(rk, taken == count - done ? 0 : 10);
        if (taken == 0) continue;
        // Messages before a full queue are taken; those behind carry an error each.
        int next = done;
        while (next < count && messages[next].err == 0) next++;
        done = next;
    }
}

static void run_producer(int packs, const char *brokers, const char *name, int partitions, char **files, int file_count) {
    char text[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", brokers);
    set(conf, "enable.idempotence", "true");
    set(conf, "acks", "all");
    set(conf, "compression.type", "lz4");
    set(conf, "linger.ms", "5");
    set(conf, "message.timeout.ms", "0");
    set(conf, "queue.buffering.max.messages", packs ? "100000" : "1000000");
    set(conf, "queue.buffering.max.kbytes", "65536");
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (!rk) { fprintf(stderr, "bare: %s\n", text); exit(1); }
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, NULL);
    double start = seconds(CLOCK_MONOTONIC);
    char *buffer = malloc(2 * chunk);
    rd_kafka_message_t *messages = calloc(batch, sizeof *messages);
    long records = 0, bytes = 0, lines = 0;
    char key[96];
    for (int f = 0; f < file_count; f++) {
        int descriptor = open(files[f], O_RDONLY);
        if (descriptor < 0) { perror(files[f]); exit(1); }
        int partition = f % partitions, kept = 0;
        for (;;) {
            ssize_t got = read(descriptor, buffer + kept, chunk);
            if (got <= 0) break;
            int end = kept + got, from = 0, count = 0;
            while (from < end) {
                int limit = packs && from + pack_limit < end ? from + pack_limit : end;
                char *stop = packs ? memrchr(buffer + from, '\n', limit - from) : memchr(buffer + from, '\n', end - from);
                if (!stop) break;
                int length = stop - (buffer + from);
                messages[count].payload = buffer + from;
                messages[count].len = length;
                messages[count].key = key;
                messages[count].key_len = snprintf(key, sizeof key, "m1 d l bench access 0123456789abcdef0123456789abcdef %ld %ld", bytes, bytes + length + 1);
                count++; records++; bytes += length + 1;
                if (packs) for (char *at = buffer + from; (at = memchr(at, '\n', stop + 1 - at)); at++) lines++;
                else lines++;
                from += length + 1;
                if (count == (packs ? 1 : batch)) { produce(rk, topic, partition, messages, count); count = 0; }
            }
            produce(rk, topic, partition, messages, count);
            kept = end - from;
            memmove(buffer, buffer + from, kept);
        }
        close(descriptor);
    }
    while (rd_kafka_outq_len(rk) > 0) rd_kafka_poll(rk, 100);
    report(packs ? "packs" : "lines", records, bytes, lines, seconds(CLOCK_MONOTONIC) - start);
}

static void run_consumer(const char *brokers, const char *name, int partitions, long wanted) {
    char text[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", brokers);
    set(conf, "group.id", "bare");
    set(conf, "fetch.message.max.bytes", "1048576");
    set(conf, "fetch.max.bytes", "8388608");
    set(conf, "queued.max.messages.kbytes", "8192");
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    if (!rk) { fprintf(stderr, "bare: %s\n", text); exit(1); }
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, NULL);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    double start = seconds(CLOCK_MONOTONIC);
    for (int p = 0; p < partitions; p++) rd_kafka_consume_start_queue(topic, p, RD_KAFKA_OFFSET_BEGINNING, queue);
    rd_kafka_message_t *messages[1024];
    long records = 0, bytes = 0, lines = 0;
    while (records < wanted) {
        ssize_t got = rd_kafka_consume_batch_queue(queue, 1000, messages, 1024);
        for (ssize_t i = 0; i < got; i++) {
            if (!messages[i]->err) {
                records++;
                bytes += messages[i]->len;
                char *at = messages[i]->payload, *end = at + messages[i]->len;
                while (at < end && (at = memchr(at, '\n', end - at))) { lines++; at++; }
                lines++;
            }
            rd_kafka_message_destroy(messages[i]);
        }
    }
    report("consume", records, bytes, lines, seconds(CLOCK_MONOTONIC) - start);
}

int main(int count, char **words) {
    if (count >= 6 && !strcmp(words[1], "packs")) run_producer(1, words[2], words[3], atoi(words[4]), words + 5, count - 5);
    else if (count >= 6 && !strcmp(words[1], "lines")) run_producer(0, words[2], words[3], atoi(words[4]), words + 5, count - 5);
    else if (count == 6 && !strcmp(words[1], "consume")) run_consumer(words[2], words[3], atoi(words[4]), atol(words[5]));
    else { fprintf(stderr, "usage: bare packs|lines BROKERS TOPIC PARTITIONS FILE... | bare consume BROKERS TOPIC PARTITIONS RECORDS\n"); return 64; }
    return 0;
}
