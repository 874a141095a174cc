// SPDX-License-Identifier: Apache-2.0
// Streams BROKERS IN OUT URL STATE: posts each record and writes the reply, exactly once.
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;

public class Streams {
  public static void main(String[] args) {
    Properties settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "bench-streams");
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
    settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100);
    settings.put(StreamsConfig.STATE_DIR_CONFIG, args[4]);
    settings.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.ByteArray().getClass());
    settings.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.ByteArray().getClass());
    settings.put("auto.offset.reset", "earliest");
    HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    URI url = URI.create(args[3]);
    StreamsBuilder builder = new StreamsBuilder();
    builder.<byte[], byte[]>stream(args[1]).mapValues(value -> post(client, url, value)).to(args[2]);
    KafkaStreams streams = new KafkaStreams(builder.build(), settings);
    Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
    streams.start();
  }

  static byte[] post(HttpClient client, URI url, byte[] value) {
    HttpRequest request = HttpRequest.newBuilder(url).header("Content-Type", "application/json")
        .POST(HttpRequest.BodyPublishers.ofByteArray(value)).build();
    try {
      HttpResponse<byte[]> reply = client.send(request, HttpResponse.BodyHandlers.ofByteArray());
      if (reply.statusCode() != 200) throw new IllegalStateException("status " + reply.statusCode());
      return reply.body();
    } catch (java.io.IOException | InterruptedException error) {
      throw new IllegalStateException(error);
    }
  }
}
