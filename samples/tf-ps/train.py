"""Train a network on handwritten digits with parameter servers: the chief leads, by TF_CONFIG."""

import time

import tensorflow as tf

import digits

EPOCHS = 8
STEPS = 60  # of an epoch, over all workers
BATCH = 48
RATE = 0.3


def main():
    cluster = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    print(f"{cluster.task_type} {cluster.task_id} of {cluster.cluster_spec().as_dict()}")
    if cluster.task_type in ("worker", "ps"):
        serve(cluster)
    lead(cluster)


def serve(cluster):
    """Workers and parameter servers do as the chief says, until the job ends."""
    server = tf.distribute.Server(
        cluster.cluster_spec(),
        job_name=cluster.task_type,
        task_index=cluster.task_id,
        protocol="grpc",
    )
    server.join()


def lead(cluster):
    strategy = tf.distribute.ParameterServerStrategy(cluster)
    coordinator = tf.distribute.coordinator.ClusterCoordinator(strategy)
    with strategy.scope():
        model = Network()
    batches = iter(coordinator.create_per_worker_dataset(training_batches))

    @tf.function
    def step(batches):
        return strategy.run(model.learn, args=next(batches))

    for epoch in range(EPOCHS):
        start = time.perf_counter()
        losses = [coordinator.schedule(step, args=(batches,)) for _ in range(STEPS)]
        coordinator.join()
        loss = sum(loss.fetch() for loss in losses) / STEPS
        print(f"epoch {epoch + 1} loss {loss:.4f} in {time.perf_counter() - start:.2f} s")
    images, labels = digits.load()[1]
    right = tf.argmax(model(images), 1) == labels
    print(f"accuracy {tf.reduce_mean(tf.cast(right, tf.float32)):.3f}")


def training_batches():
    training, _ = digits.load()
    return tf.data.Dataset.from_tensor_slices(training).shuffle(2000).repeat().batch(BATCH)


class Network(tf.Module):
    """Two dense layers; their variables live on the parameter servers."""

    def __init__(self):
        start = tf.initializers.GlorotUniform(seed=0)
        self.hidden = tf.Variable(start((64, 64)))
        self.hidden_bias = tf.Variable(tf.zeros(64))
        self.out = tf.Variable(start((64, 10)))
        self.out_bias = tf.Variable(tf.zeros(10))

    def __call__(self, images):
        return tf.nn.relu(images @ self.hidden + self.hidden_bias) @ self.out + self.out_bias

    def learn(self, images, labels):
        """Take one step of gradient descent; workers do so without waiting for each other."""
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, self(images))
            loss = tf.reduce_mean(losses)
        variables = self.trainable_variables
        for variable, gradient in zip(variables, tape.gradient(loss, variables), strict=True):
            variable.assign_sub(RATE * gradient)
        return loss


if __name__ == "__main__":
    main()
