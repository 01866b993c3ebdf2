"""Train a Keras model on handwritten digits, in step on every replica of the job, by TF_CONFIG."""

import time

import keras
import tensorflow as tf

import digits

EPOCHS = 8
BATCH = 32  # over all replicas


def main():
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    cluster, size = strategy.cluster_resolver, strategy.num_replicas_in_sync
    print(f"{cluster.task_type} {cluster.task_id}, {size} in step")
    training, (images, labels) = digits.load()
    with strategy.scope():
        model = network()
        optimizer = keras.optimizers.Adam(3e-3)
        optimizer.build(model.trainable_variables)
    train(strategy, model, optimizer, training, leads=cluster.task_type == "chief")
    if cluster.task_type == "chief":
        right = tf.argmax(model(images), 1) == labels
        print(f"accuracy {tf.reduce_mean(tf.cast(right, tf.float32)):.3f}")


def network():
    keras.utils.set_random_seed(0)
    layers = keras.layers
    return keras.Sequential(
        [layers.Input((64,)), layers.Dense(64, activation="relu"), layers.Dense(10)]
    )


def train(strategy, model, optimizer, training, *, leads):
    dataset = tf.data.Dataset.from_tensor_slices(training).shuffle(2000, seed=0)
    dataset = dataset.batch(BATCH, drop_remainder=True)
    batches = strategy.experimental_distribute_dataset(dataset)

    # Keras 3's own fit() does not take this strategy's batches.
    @tf.function
    def step(batch):
        losses = strategy.run(learn, args=(model, optimizer, *batch))
        return strategy.reduce("MEAN", losses, axis=None)

    for epoch in range(EPOCHS):
        start = time.perf_counter()
        loss = tf.reduce_mean([step(batch) for batch in batches])
        if leads:
            print(f"epoch {epoch + 1} loss {loss:.4f} in {time.perf_counter() - start:.2f} s")


def learn(model, optimizer, images, labels):
    with tf.GradientTape() as tape:
        losses = keras.losses.sparse_categorical_crossentropy(
            labels, model(images, training=True), from_logits=True
        )
        loss = tf.reduce_mean(losses)
    variables = model.trainable_variables
    optimizer.apply(tape.gradient(loss, variables), variables)  # sums the gradients of all replicas
    return loss


if __name__ == "__main__":
    main()
