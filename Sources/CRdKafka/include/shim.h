// librdkafka 2.0.2 or later. No logic here: the header, and what Swift cannot spell.
#pragma once
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
